// Lets plain Node import `.sql` files as text, as esbuild's text loader does in the bundle.
const { readFileSync } = require('node:fs');

require.extensions['.sql'] = (module, filename) => {
  module.exports = { __esModule: true, default: readFileSync(filename, 'utf8') };
};
