"""One page in the browser for a memory or a scan: look, ask, click.

`server.py` serves it, `memory_page.py` and `scan_page.py` fill it.
"""
