"""The stages: programs, ``python -m jobs.stages.<name> RUNDIR``, a folder in and a folder out.

They know nothing of Django, a database or HTTP, and not one another; what one needs of another stands in its
spec.
"""
