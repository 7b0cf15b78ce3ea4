"""Where is the object that a text or a picture names? In the memory, and in the live frame."""
