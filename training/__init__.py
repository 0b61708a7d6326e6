"""Fine-tuning: a pretrained encoder and a pooling head become a checkpoint folder.

``python -m training finetune --help`` lists the options. Nothing here is imported by the app.
"""

from analysis.common.threads import wait_passively

wait_passively()  # before anything here imports torch
