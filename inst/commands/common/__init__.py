"""What the commands share: inputs, outputs, progress, records of how a picture was made."""
