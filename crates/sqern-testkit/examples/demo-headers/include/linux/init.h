/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _LINUX_INIT_H
#define _LINUX_INIT_H
#define __init __attribute__((section(".init.text")))
#define __exit __attribute__((section(".exit.text"), used))
#endif
