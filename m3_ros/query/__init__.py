"""The question: where in the memory, and in the world now, is what a text names?"""
