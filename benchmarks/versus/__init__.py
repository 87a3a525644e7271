"""fastreg against its peers, raced to a certificate: `python -m benchmarks.versus`.

| module | what |
|---|---|
| `problems` | data, penalties, and the gap to reach |
| `peers` | one adapter a peer; `glmnet` is the one that runs in R |
| `gaps` | how far an answer is from the minimum, in NumPy; shares nothing with fastreg |
| `race` | the loosest setting that reaches a gap, and its time |
| `report`, `figure` | table, JSON, picture |
"""
