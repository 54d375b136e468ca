declare const brand: unique symbol;

/** A `T` that only its maker can produce: a byte path is not a database name, seconds are not nanoseconds. */
export type Brand<T, N extends string> = T & { readonly [brand]: N };
