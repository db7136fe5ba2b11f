# cmake --install: program, libraries, public headers, recipes, and a package for find_package(discreet).
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/discreet)

install(TARGETS discreet_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS discreet_base EXPORT discreet-base LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT discreet-base NAMESPACE discreet:: DESTINATION ${package_folder})
if(DISCREET_TENSORS)
  install(TARGETS discreet EXPORT discreet-tensors LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT discreet-tensors NAMESPACE discreet:: DESTINATION ${package_folder})
endif()

install(DIRECTORY discreet/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/discreet FILES_MATCHING PATTERN "*.h"
        PATTERN internal EXCLUDE PATTERN cli EXCLUDE)
install(DIRECTORY recipes DESTINATION ${CMAKE_INSTALL_DATADIR}/discreet OPTIONAL FILES_MATCHING PATTERN "*.toml")

configure_package_config_file(cmake/discreet-config.cmake.in ${CMAKE_BINARY_DIR}/discreet-config.cmake
                              INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/discreet-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/discreet-config.cmake ${CMAKE_BINARY_DIR}/discreet-config-version.cmake
        DESTINATION ${package_folder})
