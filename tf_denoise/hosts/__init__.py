"""Training on several hosts: who they are (`TF_CONFIG`), what they tell each other, how they train together."""
