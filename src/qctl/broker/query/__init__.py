"""What is seen: nothing here writes, unpickles or imports the code of a job."""
