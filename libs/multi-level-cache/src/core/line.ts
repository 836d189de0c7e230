/** Those who wait or run, in the order they came; anybody may leave at any time. */

/** Whoever can stand in a line: in one at a time. */
export class Place {
  before: this | undefined = undefined;
  after: this | undefined = undefined;
  isTaken = false;
}

/** A list: a `Set` of what comes and goes makes a new table again and again, which costs more than what is kept in it. */
export class Line<P extends Place> {
  #first: P | undefined;
  #last: P | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Who has waited longest. */
  get first(): P | undefined {
    return this.#first;
  }

  enter(place: P): P {
    place.isTaken = true;
    place.before = this.#last;
    if (this.#last) this.#last.after = place;
    else this.#first = place;
    this.#last = place;
    this.#size++;
    return place;
  }

  /** Whether it was still in the line. What has left keeps nobody: old objects keep young ones from being collected. */
  leave(place: P): boolean {
    if (!place.isTaken) return false;
    const { before, after } = place;
    if (before) before.after = after;
    else this.#first = after;
    if (after) after.before = before;
    else this.#last = before;
    place.before = place.after = undefined;
    place.isTaken = false;
    this.#size--;
    return true;
  }

  /** All as they stand now: who is met may leave, and others may come. */
  all(): P[] {
    const places: P[] = [];
    for (let place = this.#first; place; place = place.after) places.push(place);
    return places;
  }
}
