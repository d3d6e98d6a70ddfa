/* How the compiler is to take the kernels, what is chosen by its macros, and its exact integers. */
#ifndef EDGE_COMPILER_H
#define EDGE_COMPILER_H

#include <stdint.h>

/* EDGE_INLINE: always inlined, so that literal sizes specialise the call.
 * EDGE_SHARED: one instance in a translation unit, dropped when nothing calls it.
 * EDGE_KERNEL: by default shared, but inlined where one layer alone calls it, which costs no flash:
 *     its sizes are literals then. With EDGE_OPTIMIZE_SPEED, which the exporter defines, inlined
 *     into every layer. */
#if defined(__GNUC__)
#define EDGE_INLINE static inline __attribute__((always_inline, unused))
#else
#define EDGE_INLINE static inline
#endif
#if defined(__GNUC__) && !defined(__clang__)
#define EDGE_SHARED static __attribute__((noinline, noclone, unused))
#elif defined(__GNUC__)
#define EDGE_SHARED static __attribute__((noinline, unused))
#else
#define EDGE_SHARED static inline
#endif
#if defined(EDGE_OPTIMIZE_SPEED)
#define EDGE_KERNEL EDGE_INLINE
#elif defined(__GNUC__) && !defined(__clang__)
#define EDGE_KERNEL static __attribute__((noclone, unused))
#elif defined(__GNUC__)
#define EDGE_KERNEL static __attribute__((unused))
#else
#define EDGE_KERNEL static inline
#endif

/* 1: factors are rounded once, as CMSIS-NN does with CMSIS_NN_USE_SINGLE_ROUNDING. These are other
 * numbers: the model, its tables and its golden vectors must be made for it. */
#if !defined(EDGE_SINGLE_ROUNDING)
#define EDGE_SINGLE_ROUNDING 0
#endif

/* Whether Helium instructions are used; 0 on the compiler's command line: C everywhere. */
#if defined(EDGE_MVE_IS_NATIVE)
#elif defined(__ARM_FEATURE_MVE) && defined(__GNUC__) && defined(__OPTIMIZE__)
#define EDGE_MVE_IS_NATIVE 1
#else
#define EDGE_MVE_IS_NATIVE 0
#endif

/* Only where input and output never overlap; kernels whose output may lie over their input say it of
 * their tables alone. */
#if defined(__cplusplus)
#if defined(__GNUC__)
#define EDGE_RESTRICT __restrict__
#else
#define EDGE_RESTRICT
#endif
#else
#define EDGE_RESTRICT restrict
#endif

#endif /* EDGE_COMPILER_H */
