"""What each task does: one module per task, imported when it is asked for.

No module imports Keras at its top. `prepare(request)` checks what can be known without
it, and returns what draws or measures, which imports what it needs.
"""
