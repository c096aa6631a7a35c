/**
 * Every file of tests, in one order; how they are run is another's.
 */

import './admin_live.test.js';
import './admin_plot.test.js';
import './backoff.test.js';
import './cards.test.js';
import './close_codes.test.js';
import './emitter.test.js';
import './feed.test.js';
import './feed_tokens.test.js';
import './joining.test.js';
import './ladder.test.js';
import './page.test.js';
import './positions.test.js';
import './sequence.test.js';
import './sharing.test.js';
import './sse_parser.test.js';
import './store.test.js';
import './tokens.test.js';
import './transports.test.js';
