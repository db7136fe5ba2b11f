# What design names as dependencies, each found once. Compiler launchers and warnings live here too.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
find_package(Boost REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus)
pkg_check_modules(httplib REQUIRED cpp-httplib)

if(DISCREET_TENSORS)
  # Where to look is scripts/bootstrap's business; it passes Torch_DIR.
  find_package(Torch REQUIRED)
endif()

add_library(discreet_flags INTERFACE)
target_compile_options(discreet_flags INTERFACE -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers)
if(DISCREET_SANITIZE)
  # A finding ends the program: one that only prints would pass every test.
  set(sanitizers -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all)
  target_compile_options(discreet_flags INTERFACE ${sanitizers} -fno-omit-frame-pointer)
  target_link_options(discreet_flags INTERFACE ${sanitizers})
endif()
