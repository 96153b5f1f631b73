// Lets a library that was compiled on a newer Linux run on glibc 2.28, as torch does: it asks for no more than that has.

#include <cstddef>  // defines __GLIBC__

#if defined(__GLIBC__) && defined(__x86_64__)

#define HIDDEN __attribute__((visibility("hidden")))

// glibc 2.29 has new versions of these, which differ in errno alone; the library calls the old ones.
__asm__(".symver old_exp,exp@GLIBC_2.2.5");
__asm__(".symver old_pow,pow@GLIBC_2.2.5");

extern "C" {
double old_exp(double);
double old_pow(double, double);
HIDDEN double called_exp(double) __asm__("exp");
HIDDEN double called_pow(double, double) __asm__("pow");
double called_exp(double x) { return old_exp(x); }
double called_pow(double x, double y) { return old_pow(x, y); }

// Since glibc 2.32 libstdc++ reads it before it counts the owners of a shared pointer; 0 is always right.
HIDDEN extern char __libc_single_threaded;
char __libc_single_threaded = 0;
}

#endif
