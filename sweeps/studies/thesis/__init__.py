"""The thesis's tables, numbers and claims beside ours."""
