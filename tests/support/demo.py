"""The demo checkpoints that stand for all: every pooling head and every task among them."""

FOUR = ("sst2-max_cls", "mrpc-max_seq_mha", "trec-cls-s0", "trec-mha-s1")
