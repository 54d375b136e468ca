// Memory that the hash functions share: none of them keeps anything in it between two calls.

/** Padded ends of up to four blocks, 128 bytes each; BLAKE2b keeps up to two last messages here. */
export const padded = memory.data(512, 16);
/** One message of several blocks, transposed so that each vector holds the same word of all. */
export const message = memory.data(256, 16);
