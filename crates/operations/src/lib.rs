//! Durable multi-step work: steps with their undo, progress, cancel, resume
