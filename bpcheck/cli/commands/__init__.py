"""The commands, a file each: their arguments, options and help. What they do stands beside them."""
