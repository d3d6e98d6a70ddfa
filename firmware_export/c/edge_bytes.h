/* Copying and filling short runs of bytes, with Helium where the core has it. */
#ifndef EDGE_BYTES_H
#define EDGE_BYTES_H

#include "edge_types.h"

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if EDGE_MVE_IS_NATIVE

/* Copies `size` bytes, and returns where they end in `target`. */
EDGE_INLINE int8_t *edge_bytes_copy(const int8_t *source, int32_t size, int8_t *target)
{
    int8_t *next = target;

    __asm__ volatile("wlstp.8 lr, %[size], 2f\n"
            "1:\n\t"
            "vldrb.8 q0, [%[source]], #16\n\t"
            "vstrb.8 q0, [%[next]], #16\n\t"
            "letp lr, 1b\n"
            "2:"
            : [source] "+&r"(source), [next] "+&r"(next)
            : [size] "r"(size)
            : "lr", "q0", "memory");
    return target + size;
}

/* Sets `size` bytes, and returns where they end in `target`. */
EDGE_INLINE int8_t *edge_bytes_fill(int32_t value, int32_t size, int8_t *target)
{
    int8_t *next = target;

    __asm__ volatile("vdup.8 q0, %[value]\n\t"
            "wlstp.8 lr, %[size], 2f\n"
            "1:\n\t"
            "vstrb.8 q0, [%[next]], #16\n\t"
            "letp lr, 1b\n"
            "2:"
            : [next] "+&r"(next)
            : [size] "r"(size), [value] "r"(value)
            : "lr", "q0", "memory");
    return target + size;
}

#else

/* memcpy of small C libraries goes byte by byte. */
EDGE_INLINE int8_t *edge_bytes_copy(const int8_t *source, int32_t size, int8_t *target)
{
    for (; size >= 4; size -= 4) {
        (void)memcpy(target, source, 4);
        source += 4;
        target += 4;
    }
    if (size >= 2) {
        (void)memcpy(target, source, 2);
        source += 2;
        target += 2;
        size -= 2;
    }
    if (size > 0) {
        *target++ = *source;
    }
    return target;
}

EDGE_INLINE int8_t *edge_bytes_fill(int32_t value, int32_t size, int8_t *target)
{
    for (; size > 0; size--) {
        *target++ = (int8_t)value;
    }
    return target;
}

#endif

#ifdef __cplusplus
}
#endif

#endif /* EDGE_BYTES_H */
