"""The data in standard form, whatever its numbers are read from.

| problem | read from |
|---|---|
| `quadratic.QuadraticProblem` | abstract: what solvers ask of all of them |
| `in_memory.InMemoryProblem` | X, which is neither copied nor changed |
| `from_moments.MomentProblem` | moments alone |
| `streamed.StreamedProblem` | a source, block by block |
"""
