"""Thousands of orders with providers at their nastiest, while pollers, gateway and PostgreSQL are killed: in the end
every order is over, every wallet is right, and the books agree with every provider's to the cent.

    plan, report   what is asked for, what is told: pure
    users          who orders over HTTP, waits, and cancels by chance
    system         the processes and what kills them
    time           bent until everything is over
    judge          wallets, and both sides' books, order by order
    run, command   the order of a run
"""
