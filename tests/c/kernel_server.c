/* Runs kernels for tests: requests on stdin, outputs on stdout, until stdin ends.
 *
 * A request is an int32 operation number and that operation's fields in the order in which they are
 * read below; an array is its length and its elements. An answer is a length in bytes and the bytes.
 * Every array has a heap block of its own, so that the address sanitizer sees each step outside.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge_io_f32.h"
#include "edge_kernels.h"

enum { MAX_BLOCKS = 16 };

static void *blocks[MAX_BLOCKS];
static int used_blocks;

static void *block(size_t bytes)
{
    void *memory = malloc(bytes);

    if (memory == NULL || used_blocks == MAX_BLOCKS) {
        abort();
    }
    blocks[used_blocks++] = memory;
    return memory;
}

static void free_blocks(void)
{
    while (used_blocks > 0) {
        free(blocks[--used_blocks]);
    }
}

static void read_bytes(void *target, size_t bytes)
{
    if (bytes > 0 && fread(target, 1, bytes, stdin) != bytes) {
        abort();
    }
}

static int32_t next_int(void)
{
    int32_t value;

    read_bytes(&value, sizeof value);
    return value;
}

static void *next_array(size_t element, int32_t *length)
{
    const int32_t count = next_int();
    void *array = block((size_t)count * element);

    read_bytes(array, (size_t)count * element);
    if (length != NULL) {
        *length = count;
    }
    return array;
}

static int8_t *next_s8(void)
{
    return next_array(1, NULL);
}

static int32_t *next_s32(void)
{
    return next_array(4, NULL);
}

static void answer(const void *output, size_t bytes)
{
    const int32_t length = (int32_t)bytes;

    if (fwrite(&length, sizeof length, 1, stdout) != 1 ||
        fwrite(output, 1, bytes, stdout) != bytes || fflush(stdout) != 0) {
        abort();
    }
}

/* Memory for an output of the announced size, full of what no kernel may leave there by luck. */
static int8_t *next_output(int32_t *size)
{
    int8_t *output;

    *size = next_int();
    output = block((size_t)*size);
    memset(output, 0x55, (size_t)*size);
    return output;
}

static edge_image_t next_image(void)
{
    edge_image_t image;

    image.height = next_int();
    image.width = next_int();
    image.channels = next_int();
    return image;
}

static edge_requant_t next_requant(void)
{
    edge_requant_t requant;

    requant.multiplier = next_int();
    requant.shift = next_int();
    return requant;
}

static int32_t next_axes(int32_t *first, int32_t *second, int32_t *third)
{
    const int32_t axes = next_int();
    int32_t axis;

    for (axis = 0; axis < axes; axis++) {
        first[axis] = next_int();
        second[axis] = next_int();
        if (third != NULL) {
            third[axis] = next_int();
        }
    }
    return axes;
}

static edge_conv_t next_shape(void)
{
    edge_conv_t conv;

    memset(&conv, 0, sizeof conv);
    conv.input = next_image();
    conv.output = next_image();
    conv.kernel_height = next_int();
    conv.kernel_width = next_int();
    conv.stride_height = next_int();
    conv.stride_width = next_int();
    conv.dilation_height = next_int();
    conv.dilation_width = next_int();
    conv.pad_top = next_int();
    conv.pad_left = next_int();
    conv.input_zero_point = next_int();
    conv.output_zero_point = next_int();
    conv.activation_min = next_int();
    conv.activation_max = next_int();
    return conv;
}

static edge_conv_t next_conv(void)
{
    edge_conv_t conv = next_shape();

    conv.weight = next_s8();
    conv.bias = next_s32();
    conv.multiplier = next_s32();
    conv.shift = next_s8();
    return conv;
}

typedef void (*conv_kernel)(const edge_conv_t *, const int8_t *EDGE_RESTRICT,
                            int8_t *EDGE_RESTRICT, int8_t *EDGE_RESTRICT);

/* A null kernel is the pointwise one, which needs no scratch memory. */
static void run_conv(conv_kernel kernel)
{
    const edge_conv_t conv = next_conv();
    const int8_t *input = next_s8();
    int32_t size;
    int8_t *scratch = kernel != NULL ? next_output(&size) : NULL;
    int8_t *output = next_output(&size);

    if (kernel != NULL) {
        kernel(&conv, input, scratch, output);
    } else {
        edge_pointwise_conv_s8(&conv, input, output);
    }
    answer(output, (size_t)size);
}

typedef void (*conv_dsp_kernel)(const edge_conv_dsp_t *, const int8_t *, int8_t *, int8_t *);

static void run_conv_dsp(conv_dsp_kernel kernel)
{
    edge_conv_dsp_t layer;
    const int8_t *input;
    int8_t *scratch;
    int8_t *output;
    int32_t size;

    layer.shape = next_shape();
    layer.weight = next_s32();
    layer.finish = next_s32();
    input = next_s8();
    scratch = next_output(&size);
    output = next_output(&size);
    kernel(&layer, input, scratch, output);
    answer(output, (size_t)size);
}

static void run_fully_connected_dsp(void)
{
    edge_fully_connected_dsp_t layer;
    const int8_t *input;
    int8_t *output;
    int32_t size;

    layer.input_size = next_int();
    layer.output_size = next_int();
    layer.is_per_channel = next_int();
    layer.output_zero_point = next_int();
    layer.activation_min = next_int();
    layer.activation_max = next_int();
    layer.weight = next_s32();
    layer.bias = next_s32();
    layer.multiplier = next_s32();
    layer.exponent = next_s8();
    input = next_s8();
    output = next_output(&size);
    edge_fully_connected_dsp_s8(&layer, input, output);
    answer(output, (size_t)size);
}

typedef void (*conv_mve_kernel)(const edge_conv_mve_t *, const int8_t *, int8_t *, int8_t *);

/* A null kernel is the pointwise one, which needs no scratch memory. */
static void run_conv_mve(conv_mve_kernel kernel)
{
    edge_conv_mve_t layer;
    const int8_t *input;
    int8_t *scratch;
    int8_t *output;
    int32_t size;

    layer.shape = next_shape();
    layer.weight = next_s8();
    layer.finish = next_s32();
    input = next_s8();
    scratch = kernel != NULL ? next_output(&size) : NULL;
    output = next_output(&size);
    if (kernel != NULL) {
        kernel(&layer, input, scratch, output);
    } else {
        edge_pointwise_conv_mve_s8(&layer, input, output);
    }
    answer(output, (size_t)size);
}

static void run_fully_connected_mve(void)
{
    edge_fully_connected_mve_t layer;
    const int8_t *input;
    int8_t *output;
    int32_t size;

    layer.input_size = next_int();
    layer.output_size = next_int();
    layer.is_per_channel = next_int();
    layer.output_zero_point = next_int();
    layer.activation_min = next_int();
    layer.activation_max = next_int();
    layer.multiplier = next_int();
    layer.shift = next_int();
    layer.weight = next_s8();
    layer.bias = next_s32();
    input = next_s8();
    output = next_output(&size);
    edge_fully_connected_mve_s8(&layer, input, output);
    answer(output, (size_t)size);
}

static void run_fully_connected(void)
{
    edge_fully_connected_t layer;
    const int8_t *input;
    int8_t *output;
    int32_t size;

    layer.input_size = next_int();
    layer.output_size = next_int();
    layer.is_per_channel = next_int();
    layer.output_zero_point = next_int();
    layer.activation_min = next_int();
    layer.activation_max = next_int();
    layer.weight = next_s8();
    layer.bias = next_s32();
    layer.multiplier = next_s32();
    layer.shift = next_s8();
    input = next_s8();
    output = next_output(&size);
    edge_fully_connected_s8(&layer, input, output);
    answer(output, (size_t)size);
}

static void run_add(const edge_broadcast_t *broadcast)
{
    edge_add_t add;
    const int8_t *left;
    const int8_t *right;
    int8_t *output;

    add.broadcast = broadcast;
    add.left_zero_point = next_int();
    add.right_zero_point = next_int();
    add.output_zero_point = next_int();
    add.activation_min = next_int();
    add.activation_max = next_int();
    add.left = next_requant();
    add.right = next_requant();
    add.output = next_requant();
    left = next_s8();
    right = next_s8();
    output = next_output(&add.size);
    edge_add_s8(&add, left, right, output);
    answer(output, (size_t)add.size);
}

static void run_mul(const edge_broadcast_t *broadcast)
{
    edge_mul_t mul;
    const int8_t *left;
    const int8_t *right;
    int8_t *output;

    mul.broadcast = broadcast;
    mul.left_zero_point = next_int();
    mul.right_zero_point = next_int();
    mul.output_zero_point = next_int();
    mul.activation_min = next_int();
    mul.activation_max = next_int();
    mul.output = next_requant();
    left = next_s8();
    right = next_s8();
    output = next_output(&mul.size);
    edge_mul_s8(&mul, left, right, output);
    answer(output, (size_t)mul.size);
}

static void run_sub(const edge_broadcast_t *broadcast)
{
    edge_add_t sub;
    const int8_t *left;
    const int8_t *right;
    int8_t *output;

    sub.broadcast = broadcast;
    sub.left_zero_point = next_int();
    sub.right_zero_point = next_int();
    sub.output_zero_point = next_int();
    sub.activation_min = next_int();
    sub.activation_max = next_int();
    sub.left = next_requant();
    sub.right = next_requant();
    sub.output = next_requant();
    left = next_s8();
    right = next_s8();
    output = next_output(&sub.size);
    edge_sub_s8(&sub, left, right, output);
    answer(output, (size_t)sub.size);
}

static void run_extremum(const edge_broadcast_t *broadcast)
{
    edge_extremum_t extremum;
    const int32_t is_maximum = next_int();
    const int8_t *left = next_s8();
    const int8_t *right = next_s8();
    int8_t *output = next_output(&extremum.size);

    extremum.broadcast = broadcast;
    if (is_maximum) {
        edge_maximum_s8(&extremum, left, right, output);
    } else {
        edge_minimum_s8(&extremum, left, right, output);
    }
    answer(output, (size_t)extremum.size);
}

static void run_prelu(const edge_broadcast_t *broadcast)
{
    edge_prelu_t prelu;
    const int8_t *input;
    const int8_t *slope;
    int8_t *output;

    prelu.broadcast = broadcast;
    prelu.input_zero_point = next_int();
    prelu.slope_zero_point = next_int();
    prelu.output_zero_point = next_int();
    prelu.above = next_requant();
    prelu.below = next_requant();
    input = next_s8();
    slope = next_s8();
    output = next_output(&prelu.size);
    edge_prelu_s8(&prelu, input, slope, output);
    answer(output, (size_t)prelu.size);
}

/* 0 axes: no broadcast */
static void run_pair(void (*run)(const edge_broadcast_t *))
{
    edge_broadcast_t shape;

    shape.axes = next_axes(shape.size, shape.left_stride, shape.right_stride);
    run(shape.axes > 0 ? &shape : NULL);
}

typedef void (*pool_kernel)(const edge_pool_t *, const int8_t *EDGE_RESTRICT,
                            int8_t *EDGE_RESTRICT);

static void run_pool(pool_kernel kernel)
{
    edge_pool_t pool;
    const int8_t *input;
    int8_t *output;
    int32_t size;

    pool.input = next_image();
    pool.output = next_image();
    pool.kernel_height = next_int();
    pool.kernel_width = next_int();
    pool.stride_height = next_int();
    pool.stride_width = next_int();
    pool.pad_top = next_int();
    pool.pad_left = next_int();
    pool.activation_min = next_int();
    pool.activation_max = next_int();
    input = next_s8();
    output = next_output(&size);
    kernel(&pool, input, output);
    answer(output, (size_t)size);
}

static void run_mean(void)
{
    edge_mean_t mean;
    const int8_t *input;
    int8_t *output;
    int32_t size;

    mean.kept_axes = next_axes(mean.kept_size, mean.kept_stride, NULL);
    mean.reduced_axes = next_axes(mean.reduced_size, mean.reduced_stride, NULL);
    mean.input_zero_point = next_int();
    mean.output_zero_point = next_int();
    mean.requant = next_requant();
    input = next_s8();
    output = next_output(&size);
    edge_mean_s8(&mean, input, output);
    answer(output, (size_t)size);
}

static void run_pad(void)
{
    edge_pad_t pad;
    const int8_t *input;
    int8_t *output;
    int32_t size;

    pad.axes = next_axes(pad.size, pad.before, pad.after);
    pad.value = next_int();
    input = next_s8();
    output = next_output(&size);
    edge_pad_s8(&pad, input, output);
    answer(output, (size_t)size);
}

static void run_transpose(void)
{
    edge_transpose_t transpose;
    const int8_t *input;
    int8_t *output;
    int32_t size;

    transpose.axes = next_axes(transpose.size, transpose.input_stride, NULL);
    input = next_s8();
    output = next_output(&size);
    edge_transpose_s8(&transpose, input, output);
    answer(output, (size_t)size);
}

static void run_concat(void)
{
    int32_t parts = next_int();
    int32_t size;
    int8_t *output = next_output(&size);

    for (; parts > 0; parts--) {
        edge_concat_t part;

        part.rows = next_int();
        part.input_row = next_int();
        part.output_row = next_int();
        part.offset = next_int();
        edge_concat_s8(&part, next_s8(), output);
    }
    answer(output, (size_t)size);
}

static void run_softmax(void)
{
    edge_softmax_t softmax;
    int8_t *values;

    softmax.rows = next_int();
    softmax.depth = next_int();
    softmax.multiplier = next_int();
    softmax.left_shift = next_int();
    softmax.diff_min = next_int();
    values = next_s8();
    edge_softmax_s8(&softmax, values, values);
    answer(values, (size_t)(softmax.rows * softmax.depth));
}

static void run_log_softmax(void)
{
    edge_log_softmax_t log_softmax;
    int8_t *values;

    log_softmax.exp.rows = next_int();
    log_softmax.exp.depth = next_int();
    log_softmax.exp.multiplier = next_int();
    log_softmax.exp.left_shift = next_int();
    log_softmax.exp.diff_min = next_int();
    log_softmax.reverse = next_requant();
    values = next_s8();
    edge_log_softmax_s8(&log_softmax, values, values);
    answer(values, (size_t)(log_softmax.exp.rows * log_softmax.exp.depth));
}

static void run_l2_normalization(void)
{
    edge_l2_normalization_t table;
    int8_t *values;

    table.rows = next_int();
    table.depth = next_int();
    table.input_zero_point = next_int();
    values = next_s8();
    edge_l2_normalization_s8(&table, values, values);
    answer(values, (size_t)(table.rows * table.depth));
}

static int32_t log_of_sum(int32_t value)
{
    return edge_log_of_sum(value);
}

static void run_lookup(void)
{
    edge_lookup_t lookup;
    int8_t *values;

    lookup.table = next_s8();
    values = next_array(1, &lookup.size);
    edge_lookup_s8(&lookup, values, values);
    answer(values, (size_t)lookup.size);
}

static void run_rescale(void)
{
    edge_rescale_t rescale;
    int8_t *values;

    rescale.input_zero_point = next_int();
    rescale.output_zero_point = next_int();
    rescale.activation_min = next_int();
    rescale.activation_max = next_int();
    rescale.requant = next_requant();
    values = next_array(1, &rescale.size);
    edge_rescale_s8(&rescale, values, values);
    answer(values, (size_t)rescale.size);
}

static void run_quantize(void)
{
    int32_t size;
    float *scale = next_array(4, NULL);
    const int32_t zero_point = next_int();
    const float *input = next_array(4, &size);
    int8_t *output = block((size_t)size);

    edge_quantize_f32_s8(size, *scale, zero_point, input, output);
    answer(output, (size_t)size);
}

static void run_dequantize(void)
{
    int32_t size;
    float *scale = next_array(4, NULL);
    const int32_t zero_point = next_int();
    const int8_t *input = next_array(1, &size);
    float *output = block((size_t)size * sizeof *output);

    edge_dequantize_s8_f32(size, *scale, zero_point, input, output);
    answer(output, (size_t)size * sizeof *output);
}

static void run_requantize(void)
{
    int32_t size;
    const int32_t *multiplier = next_s32();
    const int32_t *shift = next_s32();
    int32_t *values = next_array(4, &size);
    int32_t i;

    for (i = 0; i < size; i++) {
        values[i] = edge_requantize(values[i], multiplier[i], shift[i]);
    }
    answer(values, (size_t)size * sizeof *values);
}

/* accumulators come as their high and their low words */
static void run_finish_s16(void)
{
    int32_t size;
    const int32_t *multiplier = next_s32();
    const int32_t *shift = next_s32();
    const int32_t *high = next_s32();
    int32_t *values = next_array(4, &size);
    int32_t i;

    for (i = 0; i < size; i++) {
        const int64_t sum = (int64_t)high[i] * 4294967296 + (int64_t)(uint32_t)values[i];

        values[i] = edge_finish_s16(sum, multiplier[i], shift[i], INT16_MIN, INT16_MAX);
    }
    answer(values, (size_t)size * sizeof *values);
}

static void run_each(int32_t (*function)(int32_t))
{
    int32_t size;
    int32_t *values = next_array(4, &size);
    int32_t i;

    for (i = 0; i < size; i++) {
        values[i] = function(values[i]);
    }
    answer(values, (size_t)size * sizeof *values);
}

static int32_t exp_of_negative(int32_t value)
{
    return edge_exp_of_negative(value);
}

static int32_t reciprocal_of_one_plus(int32_t value)
{
    return edge_reciprocal_of_one_plus(value);
}

/* The numbers are those of KernelHost's table. */
static void run(int32_t operation)
{
    switch (operation) {
    case 0: run_conv(edge_conv_s8); break;
    case 1: run_conv(edge_depthwise_conv_s8); break;
    case 2: run_fully_connected(); break;
    case 3: run_pair(run_add); break;
    case 4: run_pair(run_mul); break;
    case 5: run_pool(edge_average_pool_s8); break;
    case 6: run_pool(edge_max_pool_s8); break;
    case 7: run_mean(); break;
    case 8: run_pad(); break;
    case 9: run_transpose(); break;
    case 10: run_concat(); break;
    case 11: run_softmax(); break;
    case 12: run_lookup(); break;
    case 13: run_rescale(); break;
    case 14: run_quantize(); break;
    case 15: run_dequantize(); break;
    case 16: run_requantize(); break;
    case 17: run_each(exp_of_negative); break;
    case 18: run_each(reciprocal_of_one_plus); break;
    case 19: run_conv_dsp(edge_conv_dsp_s8); break;
    case 20: run_conv_dsp(edge_depthwise_conv_dsp_s8); break;
    case 21: run_fully_connected_dsp(); break;
    case 22: run_pair(run_sub); break;
    case 23: run_pair(run_extremum); break;
    case 24: run_pair(run_prelu); break;
    case 25: run_log_softmax(); break;
    case 26: run_l2_normalization(); break;
    case 27: run_each(log_of_sum); break;
    case 28: run_conv_mve(edge_conv_mve_s8); break;
    case 29: run_conv_mve(NULL); break;
    case 30: run_conv_mve(edge_depthwise_conv_mve_s8); break;
    case 31: run_fully_connected_mve(); break;
    case 32: run_conv(NULL); break;
    case 33: run_finish_s16(); break;
    default: abort();
    }
}

int main(void)
{
    int32_t operation;

    while (fread(&operation, sizeof operation, 1, stdin) == 1) {
        run(operation);
        free_blocks();
    }
    return 0;
}
