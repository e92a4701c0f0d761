/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _LINUX_SLAB_H
#define _LINUX_SLAB_H
#define ENOMEM 12
#define GFP_KERNEL 0xcc0u
void *kmalloc(__SIZE_TYPE__ size, unsigned int flags);
void kfree(const void *object);
#endif
