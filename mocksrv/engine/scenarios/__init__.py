"""The scenario language: files, what they may hold, and which of them plays."""
