"""The methods of self-supervision that mmpretrain lacks: one file each, found by convention."""
