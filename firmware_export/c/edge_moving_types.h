/* Parameters of the kernels that move, interpolate or spread values; edge_types.h has the others
 * and the conventions of all.
 */
#ifndef EDGE_MOVING_TYPES_H
#define EDGE_MOVING_TYPES_H

#include "edge_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Part of the input, the output's axes outermost first.
 *
 * input_stride  how many elements a step along each axis moves in the input, negative backwards
 * first         which element of the input is the first of the output
 */
typedef struct {
    int32_t axes; /* in [1, EDGE_MAX_AXES] */
    int32_t size[EDGE_MAX_AXES];
    int32_t input_stride[EDGE_MAX_AXES];
    int32_t first;
} edge_slice_t;

/* Chosen indices of one axis: input (rows, row_size, run), output (rows, count, run). */
typedef struct {
    int32_t rows;
    int32_t row_size;
    int32_t run;
    int32_t count;
    const int32_t *indices; /* (count), each in [0, row_size) */
} edge_gather_t;

/* The image in another size; output pixel (y, x) is input pixel (rows[y], columns[x]). */
typedef struct {
    edge_image_t input;
    edge_image_t output; /* output.channels == input.channels */
    const int32_t *rows;    /* (output.height) */
    const int32_t *columns; /* (output.width) */
} edge_resize_nearest_t;

/* The image interpolated: output row y lies at y * row_step + row_first 2^-10 input rows, columns
 * likewise; before the last row, but for half a row above the first.
 */
typedef struct {
    edge_image_t input;
    edge_image_t output; /* output.channels == input.channels */
    int32_t row_step;
    int32_t row_first;
    int32_t column_step;
    int32_t column_first;
} edge_resize_bilinear_t;

/* Transposed convolution: input pixel (y, x) is spread over the output's window at
 * (y * stride_height - crop_top, x * stride_width - crop_left); what falls outside is dropped.
 *
 * weight  (output.channels, kernel_height, kernel_width, input.channels)
 * bias    (output.channels), never NULL, the model's own: NO zero point folded in, as each output
 *         pixel sees other weights. |bias| + (128 + |input_zero_point|) * (sum of |weight|) < 2^31.
 * multiplier, shift  (output.channels), as for edge_conv_t
 */
typedef struct {
    edge_image_t input;
    edge_image_t output;
    int32_t kernel_height;
    int32_t kernel_width;
    int32_t stride_height;
    int32_t stride_width;
    int32_t crop_top;
    int32_t crop_left;
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t activation_min;
    int32_t activation_max;
    const int8_t *weight;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} edge_transpose_conv_t;

#ifdef __cplusplus
}
#endif

#endif /* EDGE_MOVING_TYPES_H */
