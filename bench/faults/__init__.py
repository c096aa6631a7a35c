"""Every point at which a worker on an order can die or lose an answer, each tried, each judged.

    operations   what is being done when it happens: each prepares an order and says what comes after; ware: of what
    lines        the worker's lines to database and provider, with the cut in them
    worker       the product's own worker on such lines; victim: the same in a process that is really killed
    judge        what must be true of every order in the end: pure
    run, report  all points of all operations with all providers; the table

Invariant: points are found by running, never listed by hand: an operation is repeated and cut one step later each time,
until it comes to its end uncut. So a statement or request that is added tomorrow is a point tomorrow.
"""
