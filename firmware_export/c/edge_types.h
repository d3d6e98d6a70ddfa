/* Parameters of every kernel: what the exporter writes as const tables, what the kernels read.
 *
 * Conventions of all kernels
 *   - real = scale * (quantized - zero_point); a field named zero_point is always that number,
 *     never its negative.
 *   - Activations are int8, channels last, one sample: (height, width, channels).
 *   - requantized = accumulator * multiplier * 2^(shift - 31), rounded twice (edge_requantize.h);
 *     multiplier in [2^30, 2^31 - 1] or 0, shift in [-31, 30], a positive shift goes left.
 *   - Every int8 result is clamped to [activation_min, activation_max] after its zero point was
 *     added; without an activation these are -128 and 127.
 *   - Kernels named _s16 take activations of int16, whose zero points are all 0, with the same
 *     tables. Where a weight is involved, their multiplier has 16 bits instead of 32 (in [0, 2^15),
 *     so that requantized = accumulator * multiplier * 2^(shift - 15), rounded once), and sums have
 *     64 bits: |bias| + 32768 * (sum of |weight|) < 2^47 must hold.
 *   - A kernel never fails and never checks: the tables are right, or the exporter has a bug.
 */
#ifndef EDGE_TYPES_H
#define EDGE_TYPES_H

#include "edge_compiler.h"

/* The most axes (batch left out) of a broadcast, pad, transpose or mean. */
#define EDGE_MAX_AXES 6

/* ADD widens both inputs by this many bits before it scales them (TFLite's left_shift). */
#define EDGE_ADD_LEFT_SHIFT 20
#define EDGE_ADD_LEFT_SHIFT_S16 15

#ifdef __cplusplus
extern "C" {
#endif

/* One image: (height, width, channels). */
typedef struct {
    int32_t height;
    int32_t width;
    int32_t channels;
} edge_image_t;

/* A real factor: multiplier * 2^(shift - 31). */
typedef struct {
    int32_t multiplier;
    int32_t shift;
} edge_requant_t;

/* Convolution, and depthwise convolution; all but the pointwise kernels need scratch memory.
 *
 * weight  convolution: (output.channels, kernel_height, kernel_width, input.channels)
 *         depthwise:   (kernel_height, kernel_width, output.channels), where output channel
 *                      c * M + m reads input channel c, M = output.channels / input.channels
 * bias    (output.channels), never NULL, with the input zero point FOLDED IN:
 *             bias[c] = b[c] - input_zero_point * (sum of all weights that make channel c)
 *         where b is the model's own bias, or 0 without one.
 *         For every channel |bias[c]| + 128 * (sum of |weight|) < 2^31 must hold, so that no
 *         accumulator overflows: the exporter checks it.
 * multiplier, shift  (output.channels): of input_scale * weight_scale[c] / output_scale.
 * pad_top, pad_left  rows above and columns left of the input; what lies below and on the right
 *         follows from the sizes. A padded cell holds input_zero_point, that is real 0; the kernel
 *         does not read it, and gives the folded zero point back.
 */
typedef struct {
    edge_image_t input;
    edge_image_t output;
    int32_t kernel_height;
    int32_t kernel_width;
    int32_t stride_height;
    int32_t stride_width;
    int32_t dilation_height;
    int32_t dilation_width;
    int32_t pad_top;
    int32_t pad_left;
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t activation_min;
    int32_t activation_max;
    const int8_t *weight;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} edge_conv_t;

/* Fully connected: (input_size) to (output_size).
 *
 * weight  (output_size, input_size)
 * bias    (output_size), never NULL, input zero point folded in as for edge_conv_t:
 *             bias[o] = b[o] - input_zero_point * sum(weight[o, :])
 * is_per_channel  1: multiplier and shift hold output_size values; 0: one value for all.
 */
typedef struct {
    int32_t input_size;
    int32_t output_size;
    int32_t is_per_channel;
    int32_t output_zero_point;
    int32_t activation_min;
    int32_t activation_max;
    const int8_t *weight;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} edge_fully_connected_t;

/* Convolution and depthwise convolution with weights as the dsp kernels want them.
 *
 * shape   as for edge_conv_t, but weight, bias, multiplier and shift are NULL.
 * weight  words (arch/dsp/edge_dsp.h says what twins are); a value is one of the
 *         kernel_height * kernel_width * input.channels that an output channel reads, a group is
 *         four of them, the last one filled up with 0.
 *         convolution: (pairs of output channels, groups, 2) twins of channels x and y; the first
 *                      word holds values 0 and 2 of the group, the second one 1 and 3
 *         depthwise:   (groups of 4 channels, taps), one int8 for each channel, the first lowest
 * finish  what makes accumulators codes: twice the folded bias; the multiplier; the exponent, that
 *         is -shift, in [1, 31], 1 where the multiplier is 0, as it is of channels filled up.
 *         convolution: (pairs of output channels) two biases, two multipliers, and a word with
 *                      both exponents, the first in the lowest byte, the second in the next one
 *         depthwise:   (groups of 4 channels) four biases, four multipliers, and four exponents
 *                      likewise in one word
 *         For every channel |folded bias| + 128 * (sum of |weight|) < 2^30 must hold.
 */
typedef struct {
    edge_conv_t shape;
    const int32_t *weight;
    const int32_t *finish;
} edge_conv_dsp_t;

/* Fully connected with weights as the dsp kernel wants them.
 *
 * weight  (fours of outputs, groups of 4 inputs, 2, 2) words of twins: two pairs of outputs, and
 *         of each inputs 0 and 2, then 1 and 3
 * bias, multiplier, exponent  the numbers of edge_conv_dsp_t's finish, each in a table; bias is filled
 *         up to whole fours, and so are the others where is_per_channel is 1; otherwise they hold
 *         one value for all.
 */
typedef struct {
    int32_t input_size;
    int32_t output_size;
    int32_t is_per_channel;
    int32_t output_zero_point;
    int32_t activation_min;
    int32_t activation_max;
    const int32_t *weight;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *exponent;
} edge_fully_connected_dsp_t;

/* Convolution and depthwise convolution with weights as the mve kernels want them.
 *
 * shape   as for edge_conv_dsp_t.
 * weight  channels and values rounded up, and filled up with 0.
 *         convolution: (fours of output channels, sixteens of the values that one reads, 4, 16)
 *         depthwise:   (sixteens of channels, taps, 16), each in [-127, 127]
 *         Channels below 16 are repeated as often as they fit 16, for several pixels at once.
 * finish  folded biases, multipliers, and int8 shifts in [-31, -1], four a word, the first lowest.
 *         Zeros and a shift of -1 for channels filled up.
 *         convolution: for four channels nine words: four biases, four multipliers, their shifts
 *         depthwise:   for 16 channels 36 words: their shifts, 16 biases, 16 multipliers, all in
 *                      the order 0, 4, 8, 12; 1, 5, 9, 13; and so on
 *         For every channel |folded bias| + 128 * (sum of |weight|) < 2^30 must hold.
 */
typedef struct {
    edge_conv_t shape;
    const int8_t *weight;
    const int32_t *finish;
} edge_conv_mve_t;

/* Fully connected with one scale, with weights as the mve kernel wants them.
 *
 * weight  (fours of outputs, sixteens of inputs, 4, 16), rounded up and filled up with 0
 * bias    folded, filled up to whole fours
 * multiplier, shift  of all outputs, shift in [-31, -1]
 */
typedef struct {
    int32_t input_size;
    int32_t output_size;
    int32_t is_per_channel; /* 0 */
    int32_t output_zero_point;
    int32_t activation_min;
    int32_t activation_max;
    int32_t multiplier;
    int32_t shift;
    const int8_t *weight;
    const int32_t *bias;
} edge_fully_connected_mve_t;

/* How two tensors of unlike shapes meet: the output's axes (outermost first) and how many elements
 * a step along each axis moves in either input; 0 where that input has size 1 and is repeated.
 *
 * Per channel, (H, W, C) with (C):  axes 2, size {H * W, C}, left {C, 1}, right {0, 1}
 * One value, (N) with ():           axes 1, size {N},        left {1},    right {0}
 */
typedef struct {
    int32_t axes; /* in [1, EDGE_MAX_AXES] */
    int32_t size[EDGE_MAX_AXES];
    int32_t left_stride[EDGE_MAX_AXES];
    int32_t right_stride[EDGE_MAX_AXES];
} edge_broadcast_t;

/* Sum of two tensors, or difference left - right.
 *
 * With t = 2 * max(left_scale, right_scale), in double, every shift <= 0 (factors of at most 1):
 *   left   requant of left_scale / t
 *   right  requant of right_scale / t
 *   output requant of t / (2^EDGE_ADD_LEFT_SHIFT * output_scale), of int16 EDGE_ADD_LEFT_SHIFT_S16
 * broadcast  NULL: both inputs and the output hold `size` elements, in the same order.
 */
typedef struct {
    int32_t size;
    const edge_broadcast_t *broadcast;
    int32_t left_zero_point;
    int32_t right_zero_point;
    int32_t output_zero_point;
    int32_t activation_min;
    int32_t activation_max;
    edge_requant_t left;
    edge_requant_t right;
    edge_requant_t output;
} edge_add_t;

/* Product of two tensors; output: requant of left_scale * right_scale / output_scale.
 *
 * broadcast  NULL: both inputs and the output hold `size` elements, in the same order.
 */
typedef struct {
    int32_t size;
    const edge_broadcast_t *broadcast;
    int32_t left_zero_point;
    int32_t right_zero_point;
    int32_t output_zero_point;
    int32_t activation_min;
    int32_t activation_max;
    edge_requant_t output;
} edge_mul_t;

/* Lesser or greater of two tensors; both inputs and the output share scale and zero point.
 *
 * broadcast  NULL: both inputs and the output hold `size` elements, in the same order.
 */
typedef struct {
    int32_t size;
    const edge_broadcast_t *broadcast;
} edge_extremum_t;

/* The input where it is at least real 0, else its product with the slope.
 *
 * above  requant of input_scale / output_scale
 * below  requant of input_scale * slope_scale / output_scale
 * broadcast  left is the input, right the slope. NULL: both hold `size` elements.
 */
typedef struct {
    int32_t size;
    const edge_broadcast_t *broadcast;
    int32_t input_zero_point;
    int32_t slope_zero_point;
    int32_t output_zero_point;
    edge_requant_t above;
    edge_requant_t below;
} edge_prelu_t;

/* Average or max pooling; input and output share scale and zero point.
 *
 * A window must touch at least one cell of the input; cells outside do not count.
 */
typedef struct {
    edge_image_t input;
    edge_image_t output; /* output.channels == input.channels */
    int32_t kernel_height;
    int32_t kernel_width;
    int32_t stride_height;
    int32_t stride_width;
    int32_t pad_top;
    int32_t pad_left;
    int32_t activation_min;
    int32_t activation_max;
} edge_pool_t;

/* Mean over some axes of the input.
 *
 * kept, reduced  the axes that stay and those that go, each outermost first, with the input's
 *                stride in elements; neighbours may be merged.
 *                Over height and width of (H, W, C): kept 1 {C} {1}, reduced 1 {H * W} {C}.
 *                kept_axes may be 0: one output.
 * requant  of input_scale / output_scale with the count n = product of reduced_size folded in:
 *                (m, s) = quantize_factor(input_scale / output_scale), in double
 *                k = min(floor(log2(n)), 32, 31 + s)
 *                multiplier = (m << k) / n, truncated; shift = s - k
 *          (TFLite `QuantizedMeanOrSum`, reference/reduce.h)
 */
typedef struct {
    int32_t kept_axes;
    int32_t kept_size[EDGE_MAX_AXES];
    int32_t kept_stride[EDGE_MAX_AXES];
    int32_t reduced_axes; /* at least 1 */
    int32_t reduced_size[EDGE_MAX_AXES];
    int32_t reduced_stride[EDGE_MAX_AXES];
    int32_t input_zero_point;
    int32_t output_zero_point;
    edge_requant_t requant;
} edge_mean_t;

/* `value` (the zero point, or -128 before a max pool) around the input.
 *
 * size  of the input's axes; the output's are before + size + after.
 * Inner axes that are not padded may be merged: (H, W, C) padded in H and W is
 * axes 2, size {H, W * C}, before {top, left * C}, after {bottom, right * C}.
 */
typedef struct {
    int32_t axes; /* in [1, EDGE_MAX_AXES] */
    int32_t size[EDGE_MAX_AXES];
    int32_t before[EDGE_MAX_AXES];
    int32_t after[EDGE_MAX_AXES];
    int32_t value;
} edge_pad_t;

/* The output's axes, and how many elements a step along each of them moves in the input. */
typedef struct {
    int32_t axes; /* in [1, EDGE_MAX_AXES] */
    int32_t size[EDGE_MAX_AXES];
    int32_t input_stride[EDGE_MAX_AXES];
} edge_transpose_t;

/* One input of a concatenation; call the kernel once for each input.
 *
 * Along axis a: rows = product of the sizes before a, input_row = this input's product of the
 * sizes from a on, output_row = the output's, offset = sum of input_row of the inputs before it.
 */
typedef struct {
    int32_t rows;
    int32_t input_row;
    int32_t output_row;
    int32_t offset;
} edge_concat_t;

/* The index of the greatest along the last axis. */
typedef struct {
    int32_t rows;
    int32_t depth;
} edge_arg_max_t;

/* Softmax along the last axis; the output has scale 1/256 and zero point -128.
 *
 * multiplier, left_shift  quantize_factor(min(beta * input_scale * 2^26, 2^31 - 1)), its shift;
 *                         must be >= 0 (TFLite `PreprocessSoftmaxScaling`)
 * diff_min                -floor(31 * 2^26 / 2^left_shift) (TFLite `CalculateInputRadius`, 5 bits)
 */
typedef struct {
    int32_t rows;
    int32_t depth;
    int32_t multiplier;
    int32_t left_shift;
    int32_t diff_min;
} edge_softmax_t;

/* Logarithm of softmax along the last axis; the output has scale 1/16 and zero point 127.
 *
 * exp      as for a softmax with beta 1; its left_shift must be at least 2
 * reverse  requant of 2^(31 - left_shift) / multiplier, at most 1
 *          (TFLite `PreprocessLogSoftmaxScalingExp`)
 */
typedef struct {
    edge_softmax_t exp;
    edge_requant_t reverse;
} edge_log_softmax_t;

/* Rows of length 1 along the last axis; the output has scale 1/128 and zero point 0. */
typedef struct {
    int32_t rows;
    int32_t depth; /* at most 32767 */
    int32_t input_zero_point;
} edge_l2_normalization_t;

/* Any function of one int8 (logistic, tanh, hard swish, leaky relu): output = table[input + 128]. */
typedef struct {
    int32_t size;
    const int8_t *table; /* (256) */
} edge_lookup_t;

/* Softmax of int16 along the last axis; the output has scale 1/32768.
 *
 * requant  of beta * input_scale * 65535 / 10
 * exp, reciprocal  (513) each, Q15: of exp over [-10, 0] and of 1 / (1 + x) over [0, 1], made as
 *                  TFLite's `LUTPopulateInt16` makes them
 */
typedef struct {
    int32_t rows;
    int32_t depth;
    edge_requant_t requant;
    const int16_t *exp;
    const int16_t *reciprocal;
} edge_softmax_s16_t;

/* Logistic or tanh of int16; the output has scale 1/32768.
 *
 * multiplier, shift  of 12288 * input_scale as multiplier / 2^shift, multiplier below 2^15, shift
 *                    in [0, 31] (TFLite `SigmoidPrepare`)
 * table              (256) the logistic of i / 24 less a half, Q16
 */
typedef struct {
    int32_t size;
    int32_t multiplier;
    int32_t shift;
    const int16_t *table;
} edge_curve_s16_t;

/* The input in the output's scale and zero point: QUANTIZE from int8 or int16, RELU, RELU6.
 *
 * requant  of input_scale / output_scale; {2^30, 1} is exactly 1.
 */
typedef struct {
    int32_t size;
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t activation_min;
    int32_t activation_max;
    edge_requant_t requant;
} edge_rescale_t;

#ifdef __cplusplus
}
#endif

#endif /* EDGE_TYPES_H */
