"""From people's answers to soft labels: who is asked, what an answer becomes, how an item's labels are pooled."""
