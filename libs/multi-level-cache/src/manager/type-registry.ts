/** Classes the calls of one application have listed; bytes are revived to these and to no other. */
import { CacheError } from '../core/errors.js';
import type { AnyClass } from '../core/key.js';
import type { ClassMap } from '../core/value.js';

export class TypeRegistry {
  readonly classes = new Map<string, AnyClass>();
  readonly #seen = new WeakSet<ClassMap>();

  /** @throws CacheError `CACHE_OPTION_INVALID` where another class of the same name is known. */
  register(listed: ClassMap): void {
    if (this.#seen.has(listed)) return;
    for (const [name, listedClass] of listed) {
      const known = this.classes.get(name);
      if (known && known !== listedClass)
        throw new CacheError(
          'CACHE_OPTION_INVALID',
          `type lists a class ${name}, and another class of that name is listed elsewhere; rename one`,
        );
      this.classes.set(name, listedClass);
    }
    this.#seen.add(listed);
  }
}
