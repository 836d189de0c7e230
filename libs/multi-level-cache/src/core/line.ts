/** Those who wait or run, in the order they came; anybody may leave at any time. */

/** One place in a line: whoever has it can leave. */
export class Place<T> {
  before: Place<T> | undefined = undefined;
  after: Place<T> | undefined = undefined;
  isTaken = true;

  constructor(readonly by: T) {}
}

/** A list: a `Set` of what comes and goes makes a new table again and again, which costs more than what is kept in it. */
export class Line<T> {
  #first: Place<T> | undefined;
  #last: Place<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Who has waited longest. */
  get first(): Place<T> | undefined {
    return this.#first;
  }

  enter(by: T): Place<T> {
    const place = new Place(by);
    place.before = this.#last;
    if (this.#last) this.#last.after = place;
    else this.#first = place;
    this.#last = place;
    this.#size++;
    return place;
  }

  /** Whether it was still in the line. */
  leave(place: Place<T>): boolean {
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
  all(): Place<T>[] {
    const places: Place<T>[] = [];
    for (let place = this.#first; place; place = place.after) places.push(place);
    return places;
  }
}
