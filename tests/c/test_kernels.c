/* The kernels by hand: small numbers whose results can be worked out on paper.
 *
 * Runs on a host and on a microcontroller alike: main returns the line of the first check that
 * failed, 0 when all held.
 */
#include <stdint.h>

#include "edge_io_f32.h"
#include "edge_kernels.h"

static int failed_line;

#define CHECK(condition)                                  \
    do {                                                  \
        if (!(condition) && failed_line == 0) {           \
            failed_line = __LINE__;                       \
        }                                                 \
    } while (0)

static int equal(const int8_t *left, const int8_t *right, int32_t size)
{
    int32_t i;

    for (i = 0; i < size; i++) {
        if (left[i] != right[i]) {
            return 0;
        }
    }
    return 1;
}

static void test_requantize_rounds_twice(void)
{
    CHECK(edge_requantize(5, (int32_t)1 << 30, 1) == 5);
    CHECK(edge_requantize(5, (int32_t)1 << 30, 0) == 3);   /* 2.5 goes up */
    CHECK(edge_requantize(-5, (int32_t)1 << 30, 0) == -2); /* -2.5 goes up */
    CHECK(edge_requantize(6, (int32_t)1 << 30, -1) == 2);  /* 3 / 2 goes away from 0 */
    CHECK(edge_requantize(-6, (int32_t)1 << 30, -1) == -2);
}

static void test_requantize_holds_at_the_ends(void)
{
    CHECK(edge_requantize(INT32_MAX, INT32_MAX, 30) == INT32_MAX - 1);
    CHECK(edge_requantize(INT32_MIN, INT32_MAX, 30) == INT32_MIN + 1);
    CHECK(edge_requantize(INT32_MIN, INT32_MAX, -31) == -1);
    CHECK(edge_requantize(INT32_MIN, 0, 0) == 0);
    CHECK(edge_clamp_s8(INT32_MAX, 127, -128, 127) == 127);
    CHECK(edge_clamp_s8(INT32_MIN, -128, -128, 127) == -128);
}

/* 2 x 2 ones over [[1 2] [3 4]], one row and column of padding all around, zero point 1 */
static void test_convolution_gives_the_padding_its_zero_point(void)
{
    static const int8_t weight[4] = {1, 1, 1, 1};
    static const int32_t bias[1] = {-4};
    static const int32_t multiplier[1] = {(int32_t)1 << 30};
    static const int8_t shift[1] = {1};
    static const int8_t input[4] = {1, 2, 3, 4};
    static const int8_t wanted[9] = {0, 1, 1, 2, 6, 4, 2, 5, 3};
    edge_conv_t conv = {{2, 2, 1}, {3, 3, 1}, 2, 2,    1,   1, 1, 1, 1, 1, 1,
                        0,         -128,      127, weight, bias, multiplier, shift};
    int8_t scratch[4 * sizeof(int8_t *) + 1];
    int8_t output[9];

    edge_conv_s8(&conv, input, scratch, output);
    CHECK(equal(output, wanted, 9));
    edge_depthwise_conv_s8(&conv, input, scratch, output);
    CHECK(equal(output, wanted, 9));
}

static void test_fully_connected_takes_one_scale_for_all(void)
{
    static const int8_t weight[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    static const int32_t bias[5] = {0, 0, 0, 0, 100};
    static const int32_t multiplier[1] = {(int32_t)1 << 30};
    static const int8_t shift[1] = {1};
    static const int8_t input[2] = {1, -1};
    static const int8_t wanted[5] = {1, 1, 1, 1, 50};
    const edge_fully_connected_t layer = {2, 5, 0, 2, -128, 50, weight, bias, multiplier, shift};
    int8_t output[5];

    edge_fully_connected_s8(&layer, input, output);
    CHECK(equal(output, wanted, 5));
}

/* Equal scales, zero points 0: the sum itself, over its own input. */
static void test_addition_runs_in_place(void)
{
    const edge_requant_t half = {(int32_t)1 << 30, 0};
    const edge_requant_t back = {(int32_t)1 << 30, -18};
    const edge_add_t add = {4, 0, 0, 0, 0, -128, 127, half, half, back};
    static const int8_t right[4] = {1, -1, 100, -128};
    static const int8_t wanted[4] = {11, -11, 127, -128};
    int8_t values[4] = {10, -10, 100, -128};

    edge_add_s8(&add, values, right, values);
    CHECK(equal(values, wanted, 4));
}

static void test_average_leaves_the_padding_out(void)
{
    const edge_pool_t pool = {{2, 2, 1}, {2, 2, 1}, 2, 2, 1, 1, 1, 1, -128, 127};
    static const int8_t input[4] = {-3, -4, 5, 6};
    static const int8_t wanted[4] = {-3, -4, 1, 1}; /* -3.5 goes away from 0 */
    int8_t output[4];

    edge_average_pool_s8(&pool, input, output);
    CHECK(equal(output, wanted, 4));
}

static void test_softmax_of_two_equal_values_is_a_half_each(void)
{
    const edge_softmax_t softmax = {1, 2, (int32_t)1 << 30, 23, -248};
    int8_t values[2] = {5, 5};

    edge_softmax_s8(&softmax, values, values);
    CHECK(values[0] == 0 && values[1] == 0);
}

static void test_not_a_number_is_real_zero(void)
{
    const float zero = 0.0f;
    const float values[3] = {zero / zero, 1e30f, -1e30f};
    static const int8_t wanted[3] = {-5, 127, -128};
    int8_t output[3];

    edge_quantize_f32_s8(3, 0.5f, -5, values, output);
    CHECK(equal(output, wanted, 3));
}

int main(void)
{
    test_requantize_rounds_twice();
    test_requantize_holds_at_the_ends();
    test_convolution_gives_the_padding_its_zero_point();
    test_fully_connected_takes_one_scale_for_all();
    test_addition_runs_in_place();
    test_average_leaves_the_padding_out();
    test_softmax_of_two_equal_values_is_a_half_each();
    test_not_a_number_is_real_zero();
    return failed_line < 255 ? failed_line : 255;
}
