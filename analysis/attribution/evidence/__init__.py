"""Evidence for attributions: faithfulness, agreement, sensitivity, randomisation."""
