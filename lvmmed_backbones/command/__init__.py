"""The command line `lvmmed`: its verbs, and what all command lines of the suite share."""
