"""What an attribution is worth: faithfulness, agreement, sensitivity, randomisation."""
