"""The line at fault: which lines ran in failing cases, and which small change of one mends all."""
