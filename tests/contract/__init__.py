"""What Tandem relies on in a Kubernetes API, held against the sandbox and a real control plane.

The cases speak plain HTTP and never use our own client, so that each is tested without the other.
They were written against the real server: where the halves differ, the sandbox is wrong.
"""
