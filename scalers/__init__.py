"""One trigger type, one file. The file name is the type with dashes as underscores.
"""
