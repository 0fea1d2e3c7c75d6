"""HJ 212, the national standard for monitors: frames out of bytes, and bytes out of frames.

What codes mean is no matter here: one code is two things at two vendors, so a profile says it.
"""
