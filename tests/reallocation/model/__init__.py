"""An independent model of the ladder: plain Python, no database, nothing of the project.

It is written from the rules alone and runs beside the real engine in the state machine. `clock`
counts waking minutes, `budget` opens windows, `world` holds the state, `free` knows who and what is
free, `ladder` moves cases, `outside` is what people do, `invariants` what must always hold.
"""
