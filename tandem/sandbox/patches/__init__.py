"""The four ways to change an object by a patch; pure: documents in, documents out."""
