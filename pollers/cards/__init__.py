"""Virtual cards: what is asked of their providers, and the work on customers, cards and fundings.

contract           what every provider of cards does, with the errors of `pollers.providers.contract`
strowallet/        one provider, a folder
account            an account at one: rate, breaker and turns as with providers of numbers
"""
