// In place of ssh2, which the engine's client loads whether or not an engine is behind ssh (scripts/build): loaded when one is.
module.exports = {
  Client: function Client() {
    const { Client: Real } = require("../../../node_modules/ssh2/lib/index.js"); // by its path: its name leads here
    return new Real();
  },
};
