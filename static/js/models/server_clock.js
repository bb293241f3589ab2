/** The server's time, kept by a counter that no change of this computer's clock can move. */

export class ServerClock {
  #now;
  #taken;

  /** @param {number} now the server's time, just read, in epoch milliseconds */
  constructor(now) {
    this.#now = now;
    this.#taken = performance.now();
  }

  /** @param {number} now */
  set(now) {
    this.#now = now;
    this.#taken = performance.now();
  }

  now() {
    return Math.round(this.#now + performance.now() - this.#taken);
  }
}
