"""Sessions as files: one exact form that any writable source takes in again, and forms for readers and for training."""
