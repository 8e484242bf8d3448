"""Made-up transactions of any size, the same for the same seed.

Every person first buys at some moment of the window, goes on buying at a rate of their own and
leaves for good at a moment that nobody sees: the Pareto/NBD story, with purchase rates from a
gamma distribution (shape 1/2) and stays from a Lomax distribution (exponential with gamma rates).
Time runs on the shop's clock, whose ticks lie denser in December, on Saturdays and in the evening,
so seasons do not disturb the process. Members of the test group buy more often from the campaign
on. One person in 32 never gives an id. Some lines come back later as refunds.

No random state is carried along: every draw is a hash of the seed, its purpose and the thing drawn
for (a person, an order, a line). Hence chunk size, threads and library versions change nothing.
Memory holds 8 bytes per order (about 4 per row of the file) besides the chunk at hand.

Rows come in the order of time, an order's lines together, as most shops export them.
"""

from crmkit.sample.files import write
from crmkit.sample.orders import END, START, Book, draw
from crmkit.sample.rows import assigned, generate, truth

__all__ = ["END", "START", "Book", "assigned", "draw", "generate", "truth", "write"]
