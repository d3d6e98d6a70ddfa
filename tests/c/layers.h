/* What the tests of the dsp and of the mve kernels share: a layer of random weights, as the generic
 * kernels read it, its input, and what comes out. */
#ifndef LAYERS_H
#define LAYERS_H

/* as in an exported model */
#if defined(__OPTIMIZE__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize ("omit-frame-pointer")
#endif

#include <stdint.h>
#include <string.h>

#include "edge_kernels.h"

enum { MAX_ROWS = 48, MAX_VALUES = 256, MAX_CELLS = 2048 };

static int8_t weight[MAX_ROWS * MAX_VALUES];
static int32_t bias[MAX_ROWS];
static int32_t multiplier[MAX_ROWS];
static int8_t shift[MAX_ROWS];
static int8_t input[MAX_CELLS];
static int8_t wanted[MAX_CELLS];
static int8_t output[MAX_CELLS];
static int32_t scratch[2 * MAX_VALUES];
static uint32_t state = 1;

static int8_t next_code(void)
{
    state = state * 1664525u + 1013904223u;
    return (int8_t)(state >> 24);
}

static void fill(int8_t *values, int32_t size, int32_t minimum)
{
    int32_t i;

    for (i = 0; i < size; i++) {
        const int8_t code = next_code();

        values[i] = (int8_t)(code < minimum ? minimum : code);
    }
}

/* Everything a layer of `rows` outputs and `values` weights each needs; row 1 has factor 0. Half
 * the rows have a multiplier of 2^30 and small sums, so that many results lie between two codes. */
static void fill_layer(int32_t rows, int32_t values)
{
    int32_t i;

    fill(weight, rows * values, -127);
    fill(input, MAX_CELLS, -128);
    for (i = 0; i < MAX_ROWS; i++) {
        const int32_t any = ((int32_t)1 << 30) + next_code() * 4000000 + 512000000;

        bias[i] = next_code() * 64;
        multiplier[i] = i == 1 ? 0 : i % 2 == 0 ? (int32_t)1 << 30 : any;
        shift[i] = (int8_t)(i == 2 ? -31 : -1 - i % 11);
    }
}

static edge_conv_t shape_of(edge_image_t from, edge_image_t to, int32_t kernel, int32_t stride,
                            int32_t pad)
{
    edge_conv_t conv;

    memset(&conv, 0, sizeof conv);
    conv.input = from;
    conv.output = to;
    conv.kernel_height = kernel;
    conv.kernel_width = kernel;
    conv.stride_height = stride;
    conv.stride_width = stride;
    conv.dilation_height = 1;
    conv.dilation_width = 1;
    conv.pad_top = pad;
    conv.pad_left = pad;
    conv.input_zero_point = -5;
    conv.output_zero_point = 3;
    conv.activation_min = -100;
    conv.activation_max = 127;
    conv.weight = weight;
    conv.bias = bias;
    conv.multiplier = multiplier;
    conv.shift = shift;
    return conv;
}

static int differs(int32_t size)
{
    return memcmp(wanted, output, (size_t)size) != 0;
}

/* One convolution or depthwise convolution, square kernels padded by half their size. */
typedef struct {
    edge_image_t from;
    edge_image_t to;
    int32_t kernel;
    int32_t stride;
} case_t;

static edge_conv_t conv_of(const case_t *test)
{
    return shape_of(test->from, test->to, test->kernel, test->stride, test->kernel / 2);
}

static const case_t conv_cases[] = {
    {{7, 5, 3}, {4, 3, 7}, 3, 2},  {{5, 5, 4}, {5, 5, 6}, 3, 1},
    {{3, 3, 16}, {3, 3, 9}, 3, 1}, {{4, 4, 8}, {4, 4, 4}, 1, 1},
    {{5, 7, 10}, {3, 4, 16}, 1, 2}, {{5, 4, 20}, {5, 4, 5}, 3, 1},
    {{4, 4, 10}, {4, 4, 16}, 1, 1},
};

enum { CONV_CASES = sizeof conv_cases / sizeof conv_cases[0] };

/* Numbers of inputs and outputs. */
static const int32_t dense_cases[4][2] = {{64, 8}, {7, 5}, {100, 14}, {3, 1}};

#endif /* LAYERS_H */
