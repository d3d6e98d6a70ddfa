/* Where a kernel window meets the input: shared by convolution, depthwise and pooling. */
#ifndef EDGE_WINDOW_H
#define EDGE_WINDOW_H

#include "edge_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One axis of a window: tap t reads input cell origin + t * dilation, for t in [begin, end);
 * the taps before and after fall into the padding. 0 <= begin <= end <= kernel.
 * An empty span (a window all in the padding) has an origin that makes its tap point at cell 0. */
typedef struct {
    int32_t origin;
    int32_t begin;
    int32_t end;
} edge_span_t;

/* Both axes of a window. */
typedef struct {
    edge_span_t y;
    edge_span_t x;
} edge_window_t;

/* Windows [begin, end) along one axis. */
typedef struct {
    int32_t begin;
    int32_t end;
} edge_range_t;

EDGE_INLINE int32_t edge_min(int32_t left, int32_t right)
{
    return left < right ? left : right;
}

/* How many steps of `step` it takes to cover `distance`, at least 0. */
EDGE_INLINE int32_t edge_steps(int32_t distance, int32_t step)
{
    if (distance <= 0) {
        return 0;
    }
    return step == 1 ? distance : (distance + step - 1) / step;
}

/* The span of a window whose first tap lies at `origin` of an axis with `size` cells. */
EDGE_INLINE edge_span_t edge_span(int32_t origin, int32_t kernel, int32_t dilation, int32_t size)
{
    edge_span_t span;

    span.origin = origin;
    span.end = edge_min(kernel, edge_steps(size - origin, dilation));
    span.begin = edge_min(span.end, edge_steps(-origin, dilation));
    if (span.begin == span.end) {
        span.origin = -span.begin * dilation;
    }
    return span;
}

/* Those of `count` windows that lie as a whole inside an axis with `size` cells, of which `pad`
 * more lie in front; `reach` cells lie between a window's first tap and its last. */
EDGE_KERNEL edge_range_t edge_inner(int32_t count, int32_t stride, int32_t pad, int32_t reach,
                                    int32_t size)
{
    const int32_t room = size - reach + pad; /* where the first tap no longer fits */
    edge_range_t inner;

    inner.end = edge_min(count, edge_steps(room, stride));
    inner.begin = edge_min(inner.end, edge_steps(pad, stride));
    return inner;
}

#ifdef __cplusplus
}
#endif

#endif /* EDGE_WINDOW_H */
